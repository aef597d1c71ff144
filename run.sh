cd /tmp/doctor_d/repo && PYTHONPATH=/tmp/doctor_d/repo:/tmp/doctor_d/repo/layers/fieldlink:/tmp/doctor_d/repo/functions timeout 550 /work/main/.venv/bin/pytest -q -p no:cacheprovider "$@"
