namespace IommuKit.Traces.Dat;

/// <summary>A part of a header lies so far behind its start that the whole input has to be copied before it can be read.</summary>
internal sealed class LaterPartException : Exception
{
    /// <summary>Makes one.</summary>
    public LaterPartException()
        : this("a part of the header lies far behind its start")
    {
    }

    /// <summary>Makes one with a text of its own.</summary>
    public LaterPartException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with its cause.</summary>
    public LaterPartException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
