"""The workflow's own logic: paths, settings and runs. It never touches a tensor."""
