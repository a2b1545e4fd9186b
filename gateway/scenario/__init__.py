"""A whole month of one hoofdaannemer with its onderaannemers, clients and gemeenten, played through a real gateway."""
