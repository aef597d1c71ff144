"""The one logger and the one set of metrics of the workers and the console."""

from aws_lambda_powertools import Logger, Metrics

# An exception's text may hold what a vendor answered; its type and place are enough for us.
logger = Logger(service="fieldlink", log_uncaught_exceptions=False)
metrics = Metrics(namespace="Fieldlink", service="fieldlink")
