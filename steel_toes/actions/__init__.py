"""A verb a module: plan by reading, apply what was planned; no click, no printing."""
