namespace IommuKit.Checker.Scenarios;

/// <summary>One operation is interrupted by the next, on another thread.</summary>
/// <param name="Index">Which operation is interrupted, from 0.</param>
/// <param name="Access">Before which of its accesses to the hardware, from 0.</param>
public readonly record struct Preemption(int Index, int Access);
