# One environment with the versions and hashes of the lock, without what only the embedded stack and the tests need.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml ./
RUN sed -n '/^uv==/,/[^\\]$/p' requirements.lock > uv.lock \
    && pip install --quiet --no-cache-dir --root-user-action ignore --require-hashes --no-deps --requirement uv.lock \
    && python -m venv --without-pip /venv
# uv checks the hashes of constraints as well: nothing gets in that the lock does not name.
ENV UV_PYTHON=/venv/bin/python UV_CONSTRAINT=requirements.lock UV_BUILD_CONSTRAINT=requirements.lock UV_NO_CACHE=1
# What nothing reads: other packages' tests and headers, translated names of countries, and the descriptions of 500
# Google APIs. Bytecode stays: a read-only container cannot make it, and each run would compile for seconds.
RUN uv pip install --requirement pyproject.toml \
    && cd /venv/lib/python*/site-packages \
    && find . -type d -name tests -prune -exec rm -r {} + \
    && rm -r googleapiclient/discovery_cache/documents pycountry/locales pyarrow/include \
    && python -m compileall -q -j 0 .
COPY README.md LICENSE pyzn_cli.py ./
COPY pyzn_pipeline pyzn_pipeline
COPY pyzn_api pyzn_api
COPY pyzn_site pyzn_site
RUN uv pip install --no-deps . && python -m compileall -q /venv/lib

FROM build AS build-k8s
RUN uv pip install '.[k8s]' && python -m compileall -q /venv/lib

FROM build AS build-demo
COPY pyzn_local pyzn_local
RUN uv pip install --reinstall-package pyzn '.[local]' && python -m compileall -q /venv/lib

FROM python:3.12-slim AS base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp pyzn \
    && install --directory --owner pyzn /dagster/storage /data /exports
COPY dagster.yaml /dagster/dagster.yaml
COPY workspace.yaml /app/workspace.yaml
WORKDIR /app
ENV PATH=/venv/bin:$PATH HOME=/tmp DAGSTER_HOME=/dagster PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER pyzn
ARG PYZN_VERSION
LABEL org.opencontainers.image.title="PyZn" \
      org.opencontainers.image.description="The backend of a PyPI download-statistics site" \
      org.opencontainers.image.version="$PYZN_VERSION" \
      org.opencontainers.image.licenses="MIT"

# With the emulator of BigQuery, for the profile `demo` alone.
FROM base AS demo
COPY --from=build-demo /venv /venv

# With what launches runs as Jobs, for deploy/kubernetes.
FROM base AS k8s
COPY --from=build-k8s /venv /venv

FROM base
COPY --from=build /venv /venv
