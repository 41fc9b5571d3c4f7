namespace FaceSearch.Evaluation;

/// <summary>One point of a score distribution of impostor pairs: at <paramref name="Score"/> a share
/// <paramref name="FalseMatchRate"/> (FMR, 0..1) of the comparisons of two different people scores as high or higher.</summary>
/// <param name="FalseMatchRate">Share of impostor pairs at or above the score, between 0 and 1.</param>
/// <param name="Score">Cosine score, -1..1, higher = closer.</param>
public readonly record struct OperatingPoint(double FalseMatchRate, float Score);
