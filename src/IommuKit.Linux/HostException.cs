namespace IommuKit.Linux;

/// <summary>Something cannot be done on this host. The message is one sentence that says what to do about it.</summary>
/// <param name="problem">Why.</param>
/// <param name="message">What cannot be done, and what to do.</param>
/// <param name="inner">What caused it, or null.</param>
public sealed class HostException(HostProblem problem, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public HostProblem Problem => problem;
}
