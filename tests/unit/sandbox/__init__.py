"""Tests of gateway.sandbox."""
