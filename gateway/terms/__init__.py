"""Terms: by when which party must have done what, who is told when that is not so, and what is granted by rule."""
