"""Where a copy lies: strings in, strings out, without I/O."""
