"""The mathematics: vocabulary, embeddings, sampling, gradients, updates. NumPy and nothing else."""
