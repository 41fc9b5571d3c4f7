using FaceSearch.Silo;
using FaceSearch.Silo.Commands;
using FaceSearch.Silo.Startup;

if (Usage.Asked(args))
    return Usage.Print();
if (DatabaseCommand.Asked(args))
    return await DatabaseCommand.RunAsync(args);
if (BackupCommand.Asked(args))
    return await BackupCommand.RunAsync(args);

return await StartupHosting.RunOrExplainAsync(() => SiloApplication.Create(args));
