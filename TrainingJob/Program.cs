using FaceSearch.TrainingJob.Commands;

return await CommandLine.RunAsync(args);
