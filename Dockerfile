FROM python:3.13-slim
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HA_AI_DATABASE_PATH=/data/ha-ai.db \
    HA_AI_COMMAND_KEY_FILE=/data/ha-ai.key

# The same steps as `make .venv/runtime.stamp`; a test compares them.
RUN python3 -m venv .venv
COPY requirements.lock .
RUN .venv/bin/pip --disable-pip-version-check install --quiet --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY detectors detectors
COPY sinks sinks
COPY pipeline pipeline
RUN .venv/bin/pip --disable-pip-version-check install --quiet --quiet --no-deps --no-build-isolation -e .

# A new volume takes its owner from the folder that it covers.
RUN install -d -o 10001 -g 10001 /data
VOLUME /data
USER 10001:10001
CMD ["ha-ai", "run"]
