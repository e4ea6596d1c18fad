namespace IommuKit.Linux;

/// <summary>Something cannot be done on this host. The message is one sentence that says what to do about it.</summary>
public sealed class HostException : Exception
{
    /// <summary>Makes an exception without a known cause.</summary>
    public HostException()
        : this("something cannot be done on this host")
    {
    }

    /// <summary>Makes an exception about something that failed.</summary>
    public HostException(string message)
        : this(HostProblem.Failed, message)
    {
    }

    /// <summary>Makes an exception about something that failed.</summary>
    public HostException(string message, Exception? innerException)
        : this(HostProblem.Failed, message, innerException)
    {
    }

    /// <summary>Makes an exception.</summary>
    /// <param name="problem">Why.</param>
    /// <param name="message">What cannot be done, and what to do.</param>
    /// <param name="inner">What caused it, or null.</param>
    public HostException(HostProblem problem, string message, Exception? inner = null)
        : base(message, inner)
    {
        Problem = problem;
    }

    /// <summary>Why.</summary>
    public HostProblem Problem { get; }
}
