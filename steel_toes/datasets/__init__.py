"""The law: what an entry of the catalog answers on a branch."""
