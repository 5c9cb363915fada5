# One environment with the versions and hashes of the lock, without what only the embedded stack and the tests need.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > uv.lock \
    && pip install --quiet --no-cache-dir --require-hashes --no-deps --requirement uv.lock \
    && python -m venv --without-pip /venv
COPY pyproject.toml README.md LICENSE pyzn_cli.py ./
COPY pyzn_pipeline pyzn_pipeline
COPY pyzn_api pyzn_api
COPY pyzn_local pyzn_local
# uv checks the hashes of constraints as well: nothing gets in that the lock does not name.
ENV UV_PYTHON=/venv/bin/python UV_CONSTRAINT=requirements.lock UV_BUILD_CONSTRAINT=requirements.lock \
    UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
RUN uv pip install .

FROM build AS build-demo
RUN uv pip install '.[local]'

FROM python:3.12-slim AS base
RUN useradd --system --uid 10001 --home-dir /tmp pyzn \
    && install --directory --owner pyzn /dagster/storage /data
COPY dagster.yaml /dagster/dagster.yaml
COPY workspace.yaml /app/workspace.yaml
WORKDIR /app
ENV PATH=/venv/bin:$PATH HOME=/tmp DAGSTER_HOME=/dagster PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER pyzn

# With the stand-in for BigQuery, for the profile `demo` alone.
FROM base AS demo
COPY --from=build-demo /venv /venv

FROM base
COPY --from=build /venv /venv
