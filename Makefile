# The project's interface. Every target is one line that also works without make; `make help` lists them.

N ?= 2
RUN ?= runs/default
FILM ?= --stages 6 --grid 3x2
PYTHON ?= python3
# Debian 12's docker-compose, or Compose v2 where the docker client has it.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

# Compose reads this file by itself only if no file is named.
OVERRIDE := $(if $(wildcard docker-compose.override.yml),:docker-compose.override.yml)
WEB_PORT = $(or $(shell $(COMPOSE) config 2>/dev/null | sed -n "s/.*A3C64_WEB_PORT: [\"']*\([0-9]*\).*/\1/p"),6080)

# Each of these tests is one process and measures no time, so two run in parallel. The other tests measure seconds and use both cores.
SIDE_BY_SIDE := tests/n64gym tests/openkart

.DEFAULT_GOAL := help
.PHONY: help setup train up join revoke down scale logs vnc build results test simulate fuzz e2e bench chaos bench-env bench-gpu bench-families bench-links bench-server bench-stability bench-staleness bench-training bench-view bench-wire bench-learn bench-learn-plot roms rllib lint docs pages picture browser clean apt native

help: ## list these targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 17

# ---- without Docker ----

train: setup ## train Open Kart with N=2 local workers, after `setup`; Ctrl-C stops, the same command resumes
	.venv/bin/a3c64 train --workers $(N) --vnc-port 5901

setup: native .venv/packages paramserver/web/page/novnc ## install what `train` needs: Debian packages, .venv, native code

test: setup .venv/dev ## run the tests that need no Docker engine
	-@$(MAKE) --no-print-directory .venv-bench/sb3  # some package indexes lack it: one test is skipped then
	-@$(MAKE) --no-print-directory .venv/envs  # the same holds for these: the tests of their environments are skipped
	-@$(MAKE) --no-print-directory .venv/track  # and for MLflow's client: a test of a tracker
	-@$(MAKE) --no-print-directory .venv/ray  # and for Ray
	-@$(MAKE) --no-print-directory docs/browser/onnxruntime-web  # without npm, the tests of the example page are skipped
	.venv/bin/pytest --numprocesses 2 --dist loadfile $(SIDE_BY_SIDE)
	.venv/bin/pytest -m "not docker" $(SIDE_BY_SIDE:%=--ignore %)

simulate: N = 1000
simulate: setup .venv/dev ## simulate N=1000 runs under faults and print each failure (2 minutes)
	.venv/bin/python tests/simulation/simulated_run.py $(N)

fuzz: setup .venv/dev ## give damaged files and messages to every reader for MINUTES=60; a failure ends it and prints the file
	.venv/bin/python tests/fuzz/fuzz.py --minutes $(or $(MINUTES),60)

bench-env: native .venv-bench/bench ## compare the speed of n64gym, stable-retro and the bare emulator (2 minutes)
	@PYTHONPATH=env-image .venv-bench/bin/python tests/bench/bench_env.py

bench-gpu: setup .venv/dev ## measure a step of a game that draws with the GPU, by the size of the picture (1 minute)
	@.venv/bin/python tests/bench/bench_gpu.py

bench-links: setup .venv/dev ## measure learning by machines behind bad links; needs root (40 minutes; writes docs/results/links)
	@.venv/bin/python tests/bench/bench_links.py

bench-server: setup ## measure how many workers and machines a server carries, beside Ray (6 minutes; writes docs/results/server)
	-@$(MAKE) --no-print-directory .venv-bench/ray  # some machines have no Ray package: the table has no Ray rows then
	@.venv/bin/python tests/bench/bench_server.py --out docs/results/server/ceiling.json

bench-stability: setup .venv/dev ## measure whether a trained policy keeps its reward (hours; writes docs/results/stability)
	@.venv/bin/python tests/bench/bench_stability.py

bench-staleness: setup .venv/dev ## measure the effect of stale gradients on learning (9 minutes)
	@.venv/bin/python tests/bench/bench_staleness.py

bench-wire: setup .venv/dev ## measure the exchange of gradients and weights, plain and compressed (15 minutes; writes docs/results/wire)
	@.venv/bin/python tests/bench/bench_wire.py

chaos: setup .venv/dev ## kill, stop and stall parts of a real run every 5 s for SECONDS=600; compare with an undisturbed run
	@.venv/bin/python tests/chaos/chaos.py --seconds $(or $(SECONDS),600) --seed $(or $(SEED),1)

roms: native .venv/packages ## open each ROM below DIR=, play it twice, and print a table; no ROM is copied
	@$(if $(DIR),,echo "make roms needs the folder of your ROMs: make roms DIR=~/roms" >&2; exit 2;) .venv/bin/python tests/bench/roms.py "$(DIR)"

rllib: setup .venv/dev .venv-bench/rllib ## train n64gym with RLlib's PPO for one iteration (1 minute; 700 MB of packages)
	.venv/bin/pytest -k rllib tests/n64gym/test_ecosystem.py

bench: bench-env bench-training bench-server ## run all speed benchmarks (under 10 minutes)

bench-training: setup .venv-bench/bench .venv-bench/sb3 ## compare the steps per second of training with simulation and other libraries (4 minutes)
	@.venv/bin/python tests/bench/bench_training.py

bench-view: setup .venv/dev ## measure the cost of a worker's display, with and without a viewer (5 minutes)
	@.venv/bin/python tests/bench/bench_view.py

bench-learn: setup .venv-bench/bench .venv-bench/sb3 ## compare learning with other libraries; writes docs/results (many hours)
	@.venv/bin/python tests/bench/bench_learn.py
	@$(MAKE) --no-print-directory bench-learn-plot

bench-learn-plot: .venv-bench/bench .venv-bench/plot ## write docs/results/goals.md and its pictures from docs/results
	@.venv-bench/bin/python tests/bench/bench_learn_plot.py

bench-families: setup .venv/envs .venv-bench/sb3 .venv-bench/families .venv-bench/plot ## compare learning of many environments with PPO (2 hours; writes docs/results/families)
	@.venv/bin/python tests/bench/bench_families.py
	@.venv-bench/bin/python tests/bench/bench_families_plot.py

lint: .venv/dev ## run ruff and mypy
	.venv/bin/ruff check && .venv/bin/ruff format --check
	@rm -rf build/typed && mkdir -p build/typed/a3c64  # mypy does not support package-dir, so it needs the installed layout
	@ln -s $(CURDIR)/agent/* $(CURDIR)/paramserver $(CURDIR)/worker build/typed/a3c64 && ln -s $(CURDIR)/env-image/n64gym build/typed
	MYPYPATH=build/typed .venv/bin/mypy -p a3c64 -p n64gym

docs: .venv-docs/done ## build the documentation site from docs/ into site/
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --clean

pages: setup ## write docs/settings.md and docs/api.md from the code
	.venv/bin/python docs/generate.py

browser: docs/browser/onnxruntime-web ## serve the example page of docs/browser, which plays CartPole, on port 8000
	$(PYTHON) -m http.server --bind 127.0.0.1 --directory docs/browser 8000

picture: setup ## make docs/pictures/learning.webp from RUN=runs/default, with FILM="--stages 6 --grid 3x2"
	.venv/bin/a3c64 film $(RUN) $(FILM) --speed 4.5 --seconds 10 --mp4 build/learning.mp4
	ffmpeg -y -loglevel error -i build/learning.mp4 -vf fps=10,scale=720:-2 -c:v libwebp_anim -quality 45 -compression_level 6 -loop 0 docs/pictures/learning.webp

clean: ## remove all build products; runs/ stays
	$(MAKE) -C env-image clean && rm -rf .venv .venv-bench .venv-docs build site *.egg-info env-image/*.egg-info

# ---- with Docker ----

up: ## build the images and start the server and N=2 workers; LISTEN=1 lets other machines join
	$(if $(LISTEN),COMPOSE_FILE=docker-compose.yml:deploy/listen.yml$(OVERRIDE) )$(COMPOSE) up -d --build --scale worker=$(N)
	@echo "Watch it at http://localhost:$(WEB_PORT); \`make logs\` follows the log, \`make down\` stops it" >&2
	@$(if $(LISTEN),deploy/beside-server join --wait 60)

join: ## print the line with which another machine joins; DOCKER=1 for a machine with Docker, ADDRESS= of this machine
	@deploy/beside-server join $(if $(DOCKER),--docker )$(if $(ADDRESS),--address $(ADDRESS))

revoke: ## lock other machines out: make a new key, and print the new line
	@deploy/beside-server keys --revoke $(if $(ADDRESS),--address $(ADDRESS))

down: ## stop and remove the containers; the run stays in its volume
	$(COMPOSE) down
	@echo "The run is kept: \`make up\` continues it, \`$(COMPOSE) down -v\` deletes it" >&2

scale: ## change the number of workers to N=2; the run continues
	$(COMPOSE) up -d --no-recreate --scale worker=$(N)

logs: ## follow the logs
	$(COMPOSE) logs -f --tail 100

vnc: N = 1
vnc: ## print the host and port of worker N=1's screen, and its password
	$(COMPOSE) port --index $(N) worker 5900
	@$(COMPOSE) exec -T paramserver a3c64 watch --show-password | sed 's/^/password: /' >&2

build: ## build the images
	$(COMPOSE) build

results: export ENV_ID ?= n64gym/OpenKart-v0
results: export TOTAL_TIMESTEPS ?= 1000000
results: export ARGS ?=
results: ## train inside a build on DOCKER_HOST, with ENV_ID=, TOTAL_TIMESTEPS=, ARGS=; writes results/
	DOCKER_BUILDKIT=1 docker build -f env-image/Dockerfile --target results --output=. --progress=plain --build-arg ENV_ID --build-arg TOTAL_TIMESTEPS --build-arg ARGS .

e2e: .venv/dev .venv/packages ## test the real images on the running engine
	.venv/bin/pytest -m docker tests/docker

# ---- prerequisites of the targets above ----

apt:
	@requirements/emulator build/emulator  # only where Debian has no package of it, as on arm64
	@requirements/apt-install requirements/apt-build.txt requirements/apt-run.txt build/emulator

native: apt
	@$(MAKE) --no-print-directory -C env-image

paramserver/web/page/novnc: | apt
	@requirements/novnc $@ || echo "noVNC could not be fetched: the web page has no screens until \`make setup\` succeeds"

docs/browser/onnxruntime-web: requirements/onnxruntime-web
	@requirements/onnxruntime-web $@

.venv/run: requirements/run.txt requirements/arm64.txt | apt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "Installing the Python packages of $< into .venv (about 450 MB to download the first time)"
	@.venv/bin/pip install --disable-pip-version-check --quiet --require-hashes $(^:%=-r %)
	@touch $@

.venv/dev: requirements/dev.txt .venv/run
	@.venv/bin/pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@

.venv/envs: requirements/envs.txt .venv/dev
	@.venv/bin/pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r $< 2>$@.log || { cat $@.log >&2; false; }
	@touch $@

.venv/track: requirements/track.txt .venv/dev
	@.venv/bin/pip install --disable-pip-version-check --quiet --require-hashes -r $< 2>$@.log || { cat $@.log >&2; false; }
	@touch $@

.venv/ray: requirements/ray.txt .venv/dev
	@echo "Installing the Python packages of $< into .venv (about 75 MB to download)"
	@.venv/bin/pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@

.venv/packages: pyproject.toml .venv/run
	@PYTHONWARNINGS=ignore .venv/bin/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Packages for benchmarks and comparisons. They have their own environment, so that PyTorch and TensorFlow never share a process.
.venv-bench/%: requirements/%.txt | apt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@echo "Installing the Python packages of $< into .venv-bench (about 200 MB to download the first time)"
	@.venv-bench/bin/pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@

.venv-bench/families: requirements/families.txt .venv-bench/sb3
	@.venv-bench/bin/pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r $<
	@touch $@

.venv-bench/rllib: requirements/rllib.txt .venv-bench/ray .venv-bench/sb3
	@.venv-bench/bin/pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r $<
	@touch $@

.venv-docs/done: requirements/docs.txt | apt
	@test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	@echo "Installing the Python packages of $< into .venv-docs (about 20 MB to download the first time)"
	@.venv-docs/bin/pip install --disable-pip-version-check --quiet --require-hashes -r $<
	@touch $@
