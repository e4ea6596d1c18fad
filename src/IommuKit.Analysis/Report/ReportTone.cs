namespace IommuKit.Analysis.Report;

/// <summary>How something is to be taken. It only adds to words.</summary>
public enum ReportTone
{
    /// <summary>It says what is.</summary>
    Plain,

    /// <summary>It is as it should be.</summary>
    Good,

    /// <summary>It is worth a look, or cannot be told.</summary>
    Doubtful,

    /// <summary>It is wrong.</summary>
    Bad,

    /// <summary>It is what the page is about.</summary>
    Answer,
}
