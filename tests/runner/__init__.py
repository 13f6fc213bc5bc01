# SPDX-License-Identifier: MIT
"""The parts of tests/run.py."""
