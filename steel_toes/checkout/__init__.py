"""Who we are: which branch, which commit, which remote; nobody else asks Git or CI."""
