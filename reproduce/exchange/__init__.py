"""Sets as other projects publish them: files of tensors, and folders of pictures."""
