using FaceSearch.Silo;
using FaceSearch.Silo.Startup;

if (Usage.Asked(args))
    return Usage.Print();

return await StartupHosting.RunOrExplainAsync(() => SiloApplication.Create(args));
