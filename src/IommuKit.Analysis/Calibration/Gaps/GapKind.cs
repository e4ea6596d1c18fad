namespace IommuKit.Analysis.Calibration.Gaps;

/// <summary>The recorded gaps from one kind of flush to one kind of event, and where they lie.</summary>
/// <param name="Start">The flush, by the name that audits give it: "iotlb_pages".</param>
/// <param name="End">What the same task printed next on the same processor.</param>
/// <param name="Count">How many there are.</param>
/// <param name="FastUs">What 5 % of them do not reach, in microseconds of recorded time.</param>
/// <param name="Us">Where they are: the mean of the half of them that lies closest together, in microseconds.</param>
/// <param name="Interval">The 90 % interval of <paramref name="Us"/>, with half a step of the trace's clock at either end.</param>
/// <param name="SlowUs">What 5 % of them exceed, in microseconds.</param>
public sealed record GapKind(string Start, GapEnd End, long Count, double FastUs, double Us, Interval90 Interval, double SlowUs);
