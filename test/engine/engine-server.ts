import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { EngineService } from '@pulumi/pulumi/proto/engine_grpc_pb';
import {
  GetRootResourceResponse,
  type LogRequest,
  LogSeverity,
  SetRootResourceResponse,
} from '@pulumi/pulumi/proto/engine_pb';
import type { InvokeResponse } from '@pulumi/pulumi/proto/provider_pb';
import { ResourceMonitorService } from '@pulumi/pulumi/proto/resource_grpc_pb';
import {
  type RegisterResourceOutputsRequest,
  type RegisterResourceRequest,
  RegisterResourceResponse,
  type ResourceInvokeRequest,
  ResourceInvokeResponse,
  type SupportsFeatureRequest,
  SupportsFeatureResponse,
} from '@pulumi/pulumi/proto/resource_pb';
import { Empty } from 'google-protobuf/google/protobuf/empty_pb';
import { Struct } from 'google-protobuf/google/protobuf/struct_pb';
import type { Properties } from './provider-process';
import type { Registered } from './resource-step';

/** The engine behind the server. */
export interface EngineBehaviour {
  register(request: RegisterResourceRequest): Promise<Registered>;
  outputs(urn: string, values: Properties): void;
  invoke(token: string, args: Properties): Promise<Properties>;
  log(message: string): void;
}

/** Features of the protocol that this engine speaks. */
const FEATURES = new Set(['secrets', 'resourceReferences']);

/** The gRPC interface of an engine, for a Pulumi program. */
export class EngineServer {
  readonly #server = new Server();
  readonly #behaviour: EngineBehaviour;
  #root = '';

  constructor(behaviour: EngineBehaviour) {
    this.#behaviour = behaviour;
    this.#server.addService(ResourceMonitorService, this.#monitor());
    this.#server.addService(EngineService, this.#engine());
  }

  /** Listens on a free port of the loopback; returns the address. */
  async listen(): Promise<string> {
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        error === null ? resolve(bound) : reject(error);
      });
    });
    return `127.0.0.1:${port}`;
  }

  close(): void {
    this.#server.forceShutdown();
  }

  #monitor(): UntypedServiceImplementation {
    return {
      supportsFeature: unary(async (request: SupportsFeatureRequest) => {
        const response = new SupportsFeatureResponse();
        response.setHassupport(FEATURES.has(request.getId()));
        return response;
      }),
      registerResource: unary(async (request: RegisterResourceRequest) => {
        const registered = await this.#behaviour.register(request);
        const response = new RegisterResourceResponse();
        response.setUrn(registered.urn);
        response.setId(registered.id);
        response.setObject(Struct.fromJavaScript(registered.state));
        return response;
      }),
      registerResourceOutputs: unary(async (request: RegisterResourceOutputsRequest) => {
        this.#behaviour.outputs(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {});
        return new Empty();
      }),
      invoke: unary(async (request: ResourceInvokeRequest) => {
        const args = request.getArgs()?.toJavaScript() ?? {};
        const response = new ResourceInvokeResponse();
        response.setReturn(Struct.fromJavaScript(await this.#behaviour.invoke(request.getTok(), args)));
        return response;
      }),
      signalAndWaitForShutdown: unary(async () => new Empty()),
      getDeploymentInfo: unimplemented,
      call: unimplemented,
      readResource: unimplemented,
      existsResource: unimplemented,
      registerStackTransform: unimplemented,
      registerStackInvokeTransform: unimplemented,
      registerResourceHook: unimplemented,
      registerErrorHook: unimplemented,
      registerPackage: unimplemented,
    };
  }

  #engine(): UntypedServiceImplementation {
    return {
      log: unary(async (request: LogRequest) => {
        // `pulumi up` hides debug messages, too.
        if (request.getSeverity() !== LogSeverity.DEBUG) {
          this.#behaviour.log(request.getMessage());
        }
        return new Empty();
      }),
      getRootResource: unary(async () => {
        const response = new GetRootResourceResponse();
        response.setUrn(this.#root);
        return response;
      }),
      setRootResource: unary(async (request: { getUrn(): string }) => {
        this.#root = request.getUrn();
        return new SetRootResourceResponse();
      }),
      startDebugging: unimplemented,
      requirePulumiVersion: unimplemented,
    };
  }
}

/** A unary call; an error thrown here reaches the program as the failure's message. */
function unary<Request, Response>(handle: (request: Request) => Promise<Response>) {
  return (call: ServerUnaryCall<Request, Response>, done: sendUnaryData<Response>): void => {
    handle(call.request).then(
      (response) => done(null, response),
      (error: unknown) =>
        done({ code: status.UNKNOWN, details: error instanceof Error ? error.message : String(error) }),
    );
  };
}

function unimplemented(_call: unknown, done: sendUnaryData<InvokeResponse>): void {
  done({ code: status.UNIMPLEMENTED, details: 'not part of this engine' });
}
