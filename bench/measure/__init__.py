# SPDX-License-Identifier: Apache-2.0
"""What bench/run is made of: columns (who guards), loads (what else is measured), aims and tables (what is said)."""
