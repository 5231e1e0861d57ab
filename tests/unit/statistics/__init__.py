"""Tests of the tables that are safe to publish."""
