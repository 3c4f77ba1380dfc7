# One static binary, no shell, no root. Run it with a read-only root file system:
#   docker run --read-only --cap-drop=ALL -v state:/var/lib/destring -v ./destring.yaml:/etc/destring/destring.yaml:ro -p 6514:6514 destring
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=auto -ldflags="-s -w" -o /out/destring ./cmd/destring \
 && install -d -m 0700 /out/state

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/destring /destring
# All state lies here: spool, keys, what was alerted.
COPY --from=build --chown=65532:65532 /out/state /var/lib/destring
USER 65532:65532
VOLUME /var/lib/destring
EXPOSE 6514 2514
ENV GOTRACEBACK=single
# The binary asks itself: metrics.address must be set in the configuration.
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s CMD ["/destring", "health", "-c", "/etc/destring/destring.yaml"]
ENTRYPOINT ["/destring"]
CMD ["serve", "-c", "/etc/destring/destring.yaml"]
