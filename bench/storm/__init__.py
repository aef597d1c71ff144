"""A storm of webhooks through the stack as it is deployed: nothing lost, nothing doubled."""
