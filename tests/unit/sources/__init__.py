"""Tests of the rooms that read the case system."""
