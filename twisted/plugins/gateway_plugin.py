from gateway.service.plugin import ServiceMaker

service_maker = ServiceMaker()
