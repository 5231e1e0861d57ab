"""Tests of the room that turns bytes into trees and seals answers."""
