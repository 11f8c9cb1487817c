"""What JupyterLab's server takes from the course, installed beside it."""
