namespace IommuKit.Lab.Checker.Scenarios;

/// <summary>How a scenario went.</summary>
/// <param name="Violation">The first wrong answer, or null.</param>
/// <param name="Operations">Operations done, with the one in which it was found.</param>
/// <param name="Steps">Accesses to the hardware.</param>
/// <param name="IsExhausted">Whether the checker lost track before the end.</param>
public sealed record CheckOutcome(Violation? Violation, int Operations, long Steps, bool IsExhausted);
