"""The commands of `warehouse`, by what they are about."""
