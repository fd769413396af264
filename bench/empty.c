/* The floor: what it costs to preload a library that does nothing. */
