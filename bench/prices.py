"""AWS's list prices in US dollars: us-east-1, without free tiers, as of November 2026.

Kept by hand; each names AWS's page on which it can be read again before a sum is relied on.
"""

MILLION = 1_000_000
GIB = 1024**3

# aws.amazon.com/lambda/pricing: x86, first tier; one request an invocation
LAMBDA_GB_SECOND = 0.0000166667
LAMBDA_REQUEST = 0.20 / MILLION

# aws.amazon.com/sqs/pricing: FIFO, first tier; each action on up to 64 KB is a request
SQS_FIFO_REQUEST = 0.50 / MILLION

# aws.amazon.com/dynamodb/pricing/on-demand: standard table class
DYNAMODB_READ_UNIT = 0.125 / MILLION
DYNAMODB_WRITE_UNIT = 0.625 / MILLION

# aws.amazon.com/kms/pricing: symmetric keys
KMS_REQUEST = 0.03 / 10_000

# aws.amazon.com/secrets-manager/pricing
SECRETS_REQUEST = 0.05 / 10_000

# aws.amazon.com/api-gateway/pricing: HTTP APIs, first tier; up to 512 KB
HTTP_API_REQUEST = 1.00 / MILLION

# aws.amazon.com/cloudwatch/pricing: standard log class, taken in
LOG_BYTE = 0.50 / GIB

# aws.amazon.com/xray/pricing: traces recorded
XRAY_TRACE = 5.00 / MILLION
