"""What a field is trained for. An objective is called by nerfkit.training.train once a step."""
