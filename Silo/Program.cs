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
    builder.AddModels(options);
    if (options.Role == SiloRole.Gateway)
    {
        builder.AddOrleansGateway();
    }
    else
    {
        builder.AddEmbedders(options);
        builder.AddOrleansSilo(options);
        builder.AddMessaging();
    }
    if (options.Role == SiloRole.Silo)
        builder.AddFaceSearchStatus();
    else
        builder.AddFaceSearchGateway();
    builder.AddStartup(options);

    WebApplication app = builder.Build();
    return options.Role == SiloRole.Silo ? app.MapFaceSearchStatus() : app.MapFaceSearchGateway();
});
