# docker build --target cpu -t locutor:cpu .      docker build --target cuda -t locutor:cuda .
FROM python:3.11-slim AS source
COPY pyproject.toml constraints.txt README.md LICENSE /source/
COPY src /source/src
COPY docker /source/docker

FROM source AS build-cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=asr,f5
RUN TORCH_INDEX="$TORCH_INDEX" EXTRAS="$EXTRAS" /source/docker/install.sh /source /opt/locutor

FROM source AS build-cuda
ARG EXTRAS=asr,f5
RUN TORCH_INDEX= EXTRAS="$EXTRAS" /source/docker/install.sh /source /opt/locutor

FROM python:3.11-slim AS runtime
COPY docker /opt/docker
RUN /opt/docker/account.sh locutor /var/lib/locutor
ENV PATH=/opt/locutor/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LOCUTOR_DATA_DIR=/var/lib/locutor \
    LOCUTOR_HOST=0.0.0.0
EXPOSE 8005
VOLUME /var/lib/locutor
WORKDIR /var/lib/locutor
USER locutor
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["python", "/opt/docker/healthy.py"]
ENTRYPOINT ["locutor"]
CMD ["serve"]

FROM runtime AS cuda
USER root
RUN /opt/docker/compiler.sh
USER locutor
COPY --from=build-cuda /opt/locutor /opt/locutor
ENV LOCUTOR_DEVICE=cuda

FROM runtime AS cpu
COPY --from=build-cpu /opt/locutor /opt/locutor
