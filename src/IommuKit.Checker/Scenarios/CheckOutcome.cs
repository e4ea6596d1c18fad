using IommuKit.Checker.Shadow;

namespace IommuKit.Checker.Scenarios;

/// <summary>How a scenario went.</summary>
/// <param name="Violation">The first wrong answer, or null.</param>
/// <param name="Operations">Operations done, with the one in which it was found.</param>
/// <param name="Steps">Accesses to the hardware.</param>
/// <param name="IsExhausted">Whether the checker lost track before the end.</param>
/// <param name="Least">The least maintenance that would have done, where that was asked for.</param>
/// <param name="LastAccesses">Accesses of the last operation, where they were counted.</param>
public sealed record CheckOutcome(Violation? Violation, int Operations, long Steps, bool IsExhausted, LeastWork Least, int LastAccesses);
