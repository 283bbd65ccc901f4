"""The inner loop: training that can be differentiated."""
