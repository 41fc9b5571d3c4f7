using FaceSearch.Cli;

return await CommandLine.RunAsync(args, CliHost.Console());
