"""The commands of `many-models`, by what they are about."""
