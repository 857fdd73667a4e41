# make demo   set up, make a small corpus of synthetic talking heads, prepare it, make a page to look at it
# make test   set up, lint, types, tests
# make docs   set up, build the site: build/docs/index.html
# make slow   set up, tests that train for minutes or go over every real clip
# make faults set up, kills at random times, mutated videos, hostile shards, bad disks, a Ray cluster that loses
#             nodes, bad object stores: seeded, with their counts
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

# libraries come without bytecode (pip would compile 16 000 files, most of which nobody imports): Python keeps
# what it compiles
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test slow faults lint types bench docs clean

demo: $(VENV)/.demo
	$(BIN)/speechlip synthesize demo/videos --identities 6 --clips 2 --seed 0
	$(BIN)/prep-shards demo/videos -o demo/shards --recipe synthetic --detector sidecar
	$(BIN)/verify-shards demo/shards
	$(BIN)/inspect-shards demo/shards -o demo/gallery

# three processes for two cores: tests of workers wait for what they kill, or for what hangs
test: lint types
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

slow: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m slow -rP

faults: $(VENV)/.faults
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m faults -rP

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	MYPYPATH=src $(BIN)/mypy --num-workers 2 -p speechlip

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run_all.py

# a warning is an error: a broken link, a page without a place in the navigation
docs: $(VENV)/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -d build/doctrees docs build/docs

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build demo *.egg-info

# the pip that an older Python brings takes twenty seconds longer to choose among the releases
$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$@ -m pip install --quiet --upgrade pip

# mediapipe, face-alignment and syncnet-python ask for two further distributions of cv2, which write the same
# files: the one that speechlip asks for is put back
ONE_CV2 = $(BIN)/python -m pip uninstall --quiet --yes opencv-python opencv-contrib-python && \
	$(BIN)/python -m pip install --quiet --no-compile --no-deps --force-reinstall opencv-python-headless

$(VENV)/.demo: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -e '.[synthetic]'
	touch $@

$(VENV)/.dev: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -e '.[all,dev]'
	$(ONE_CV2)
	touch $@

# servers that stand for object stores, and 100 MB of Ray and its dashboard, which no quick test needs
$(VENV)/.faults: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --no-compile -e '.[ray,faults]'
	touch $@

$(VENV)/.docs: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --no-compile -e '.[synthetic,docs]'
	touch $@
