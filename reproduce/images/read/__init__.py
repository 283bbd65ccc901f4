"""Formats of images and labels on disk."""
