"""The officers' console: pages in Dutch, over HTTPS, that work without JavaScript."""
