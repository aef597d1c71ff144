SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# the first Python 3.13 that runs; pyenv's shim is on the PATH and refuses if another is chosen
PYTHON := $(shell for python in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13 python3; do \
            "$$python" -c 'import sys; sys.version_info[:2] == (3, 13) or sys.exit(1); print(sys.executable)' \
              2>/dev/null && break; done)
ifeq ($(PYTHON),)
  $(error Fieldlink needs Python 3.13: none on the PATH or in pyenv)
endif
export PATH := $(dir $(PYTHON)):$(PATH)
export SAM_CLI_TELEMETRY := 0
export UV_SYSTEM_CERTS := $(if $(wildcard /etc/ssl/certs/ca-certificates.crt),true,false)

SECONDS := 60
UV   := .venv/bin/uv
SAM  := .venv-sam/bin/sam
BUILT := .aws-sam/build/template.yaml
SOURCES := template.yaml samconfig.toml $(shell find functions layers -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*')

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: .venv/made .venv-stack/made $(BUILT) ## a working day on this machine; ARGS=--once ends by itself
	.venv/bin/python -m local $(ARGS)

doctor: .venv/made .venv-stack/made $(BUILT) ## is the bundle well? connected on this machine and examined
	.venv/bin/python -m local doctor

test: .venv/made .venv-stack/made .venv-clients/made $(BUILT) ## everything that must hold
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(SAM) validate --lint
	.venv/bin/python -m local.smoke
	.venv/bin/pytest $(ARGS)

bench: .venv/made .venv-stack/made .venv-clients/made $(BUILT) ## the door, the looks and the whole way beside what others do; what polling costs
	.venv/bin/python -m bench $(ARGS)

load: .venv/made .venv-stack/made $(BUILT) ## a storm of 100,000 webhooks on the deployed stack; ARGS="--events 5000" for a smaller one
	.venv/bin/python -m bench.storm $(ARGS)

fuzz: .venv-fuzz/made ## hostile deliveries at the webhook door, for SECONDS=60
	PYTHONPATH=layers/fieldlink .venv-fuzz/bin/python -B -m fuzz -max_total_time=$(SECONDS) $(ARGS)

build: $(BUILT) ## functions and layer, ready to deploy

deploy: $(BUILT) ## to the AWS account of your credentials; asks for the parameters
	$(SAM) deploy --guided

format: .venv/made ## the code, in place
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

$(BUILT): $(SOURCES) .venv-sam/made
	$(SAM) build
	touch $@

# ── environments: ours, SAM's (it pins other versions than ours), the pretended AWS ──

$(UV):
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9

.venv/made: pyproject.toml layers/fieldlink/requirements.txt | $(UV)
	$(UV) pip install --quiet --python .venv/bin/python --editable . --group dev
	touch $@

.venv-sam/made: Makefile | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-sam
	$(UV) pip install --quiet --compile-bytecode --python .venv-sam/bin/python aws-sam-cli==1.170.0
	touch $@

# lambda/ is what Lambda's own runtime brings along, and nothing else
.venv-stack/made: Makefile | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-stack
	$(UV) pip install --quiet --compile-bytecode --python .venv-stack/bin/python \
	  ministack==1.5.33 boto3==1.43.106 aws-sam-translator==1.115.0 cryptography==50.0.2 \
	  uvicorn==0.54.0 httptools==0.9.0 uvloop==0.23.0
	$(UV) pip install --quiet --compile-bytecode --python .venv-stack/bin/python --target .venv-stack/lambda \
	  awslambdaric==4.2.2 boto3==1.44.5
	touch $@

# what nobody here wrote: Salesforce clients show how true the simulator is, and all of it what others cost
.venv-clients/made: Makefile tests/clients/package.json | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-clients
	$(UV) pip install --quiet --compile-bytecode --python .venv-clients/bin/python \
	  simple-salesforce==1.12.10 tap-salesforce==2.8.1 \
	  fastapi==0.165.0 mangum==0.22.0 orjson==3.13.0 standardwebhooks==1.1.0 svix==2.9.1
	npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/clients
	touch $@

# atheris looks into the code that it runs, so it has an environment of its own
.venv-fuzz/made: Makefile layers/fieldlink/requirements.txt | $(UV)
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-fuzz
	$(UV) pip install --quiet --compile-bytecode --python .venv-fuzz/bin/python \
	  --requirement layers/fieldlink/requirements.txt atheris==3.1.0 boto3==1.44.5
	touch $@

.PHONY: help run doctor test bench load fuzz build deploy format
