using System.CommandLine;
using FaceSearch.IndexBench;

RootCommand root = Commands.Create();
return await root.Parse(args).InvokeAsync();
