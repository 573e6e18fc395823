.PHONY: setup
PY ?= python3
.venv/.ready: requirements.lock pyproject.toml
	test -x .venv/bin/python || $(PY) -m venv .venv
	.venv/bin/python -m pip install -q uv==0.13.9
	.venv/bin/uv pip sync -q --python .venv/bin/python --compile-bytecode requirements.lock
	touch $@
