using FaceSearch.Gateway;
using FaceSearch.Silo.Commands;
using FaceSearch.Silo.Hosting;
using FaceSearch.Silo.Messaging;
using FaceSearch.Silo.Startup;

if (Usage.Asked(args))
    return Usage.Print();
if (DatabaseCommand.Asked(args))
    return await DatabaseCommand.RunAsync(args);

return await StartupHosting.RunOrExplainAsync(() =>
{
    WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    SiloOptions options = builder.AddSiloOptions();
    builder.AddSiloLogging();
    builder.AddInference(options);
    builder.AddOrleansSilo(options);
    builder.AddMessaging();
    builder.AddFaceSearchGateway();
    builder.AddStartup();

    WebApplication app = builder.Build();
    app.MapFaceSearchGateway();
    return app;
});
